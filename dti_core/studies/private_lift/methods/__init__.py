"""What is compared: attribution, ways to add noise, learners."""
