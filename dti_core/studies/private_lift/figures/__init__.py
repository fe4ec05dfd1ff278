"""Figures and tables that show a Result and take nothing else; a title states what the numbers show."""
