"""Baton's version: what `--version` and every export say."""

VERSION = "2.0.0"
