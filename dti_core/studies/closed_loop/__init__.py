"""The loop as a whole"""
