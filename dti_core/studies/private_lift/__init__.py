"""Study [1]: does cross-channel advertising work, measured without anyone seeing a user's path?"""
