"""From what estimators find to what the book may print: one module a question."""
