"""What is done with providers: keys, asking, money, prices, health, alerts."""
