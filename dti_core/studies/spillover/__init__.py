"""What crosses domains, on real data: the worth of each bridge in a field that it was not made for."""
