"""What is sold: products, units, dated prices, tax classes and their dated rates.

Rules: of a product at most one price and of a tax class at most one rate is in force on a day (EXCLUDE);
setting a price closes the row in force the day before; tax is data, never code.
"""
