"""Language models as raters: what they read, how their answer is read, and what is made of it."""
