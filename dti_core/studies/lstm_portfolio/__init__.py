"""Study [6]: does an LSTM forecast make a better portfolio, after costs, and when?"""
