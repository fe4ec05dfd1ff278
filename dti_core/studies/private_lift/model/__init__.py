"""The equations of the study: arrays in, arrays out."""
