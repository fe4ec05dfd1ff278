"""One folder a cited study: data, model, estimate, figures."""
