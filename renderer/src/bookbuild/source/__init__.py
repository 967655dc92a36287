"""Read the configuration and the chapters; find every mistake before anything runs."""
