"""What is compared: forecasters of returns, portfolio rules and volatility models."""
