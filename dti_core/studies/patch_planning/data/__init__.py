"""What is observed: upload calendars and exploited flaws, with their cards."""
