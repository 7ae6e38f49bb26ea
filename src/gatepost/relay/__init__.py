"""Receives and delivers mail: incoming connections, and attempts at delivery."""
