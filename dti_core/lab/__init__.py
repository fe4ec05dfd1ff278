"""Everything that is no science: config, runs, tracking, claims, intervals, data registry, theme, book."""
