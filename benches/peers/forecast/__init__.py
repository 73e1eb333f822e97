"""Plimsoll's forecasts beside statsforecast, augurs and anofox-forecast. See __main__.py."""
