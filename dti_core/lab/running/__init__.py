"""Run notebooks: plan, reuse, spread over workers, survive failures, track."""
