"""What exports hold: columns, profiles and the SQL behind them."""
