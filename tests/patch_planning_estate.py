"""A hand-written estate of five services whose best calendar can be worked out by hand.

Four weeks, 8 hours each, 1,600 USD, 100 USD an hour, an hour and a minute of set-up a service and week, no
exploit ever comes out, and nothing counts after the fourth week. Every flaw is exploited for certain
(probability 1), so a week of an open one costs its impact, times .6 for each call between the entry `web`
and its service:

| bundle | service | USD a week | hours | minutes | open weeks |
|---|---|---|---|---|---|
| w1 | web (entry) | 1000 | 4 | 5 | all |
| a1 | api (web calls it) | 1000 * .6 = 600 | 3 | 4 | all |
| a2, after a1 | api | 500 * .6 = 300 | 2 | 3 | all |
| u1 (two flaws) | auth (web calls it) | (200 + 300) * .6 = 300 | 3 | 4 | 2, 3, 4 |
| d1 | db (api and auth call it) | 1000 * .36 = 360 | 6 | 5 | 3 |
| b1 | batch (nobody calls it) | 1000 * .6^12 = 2.18 | 1 | 1 | all |

w1 takes 4 + 1 = 5 hours, a1 with a2 3 + 2 + 1 = 6, so only one of them fits the first week: waiting costs
1,000 for w1 and 900 for a1 and a2, so w1 goes first: 4 * 1000 - 500. Next a1 and a2 together: 3 * 900 -
600; with u1 in place of a2 they also avoid 900 a week, but u1 brings its own set-up, and a2 needs another
one later. In the third week u1 gains 2 * 300 - 400 = 200 and d1 2 * 360 - 700 = 20; both take 4 + 7 > 8
hours: u1. In the fourth nothing is left that gains: d1 is closed, and b1 avoids 4 * 2.18 for 200. Money:
500 + 600 + 400 = 1500 of 1600.

A minute of web costs 1 USD, of api or auth .3 of that, of db .3 * (.3 + .3) = .18, of batch nothing.
Downtime costs (5 + 1) * 1 + (4 + 3 + 1) * .3 + (4 + 1) * .3 = 9.90, so the plan earns 4000 + 2700 + 600 -
1500 - 9.90 = 5790.10.
"""

YAML = """\
name: hand
findings: findings.csv
start: 2027-03-01
n_weeks: 4
timezone: Europe/Berlin
weekly_hours: 8
budget_usd: 1600
wage_usd: 100
windows: [{weekday: sunday, start: 22:00, end: "00:00"}]
assumptions: {exploit_factor: 1, weekly_chance: 0, tail_weeks: 0, repair_hours: 0, rollback_minutes: 0}
services:
  - {name: web, entry: true, calls: [api, auth], traffic_usd_per_minute: 1, setup_hours: 1, setup_minutes: 1}
  - {name: api, calls: [db], traffic_usd_per_minute: 0, setup_hours: 1, setup_minutes: 1}
  - {name: auth, calls: [db], traffic_usd_per_minute: 0, setup_hours: 1, setup_minutes: 1,
     freeze: [2027-03-03]}
  - name: db
    traffic_usd_per_minute: 0
    setup_hours: 1
    setup_minutes: 1
    windows: [{date: 2027-03-20, start: "01:00", end: "03:00"}]
  - {name: batch, calls: [db], traffic_usd_per_minute: 0, setup_hours: 1, setup_minutes: 1}
"""

CSV = """\
service,id,exploit_probability,impact_usd,bundle,fix_version,hours,minutes,after,due_by
web,F1,1,1000,w1,1.10,4,5,,
api,F3,1,500,a2,2.2,2,3,a1,
api,F2,1,1000,a1,2.1,3,4,,2027-03-10
auth,F4,1,200,u1,3.0,3,4,,
auth,F5,1,300,u1,,,,,
db,F6,1,1000,d1,16.2,6,5,,
batch,F7,1,1000,b1,0.9,1,1,,
"""

#: Week of each bundle in the plan that is best by hand.
BEST = {"w1": 0, "a1": 1, "a2": 1, "u1": 2}
BEST_NET_USD = 5790.10
