"""Study [3]: do financing constraints hold back ESG, and what would one need to know it?"""
