"""Everything that is no science: config, run, cache, track, record, claims, intervals, data registry, theme, book."""
