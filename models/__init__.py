"""The feature contract, the model and the decision policy, and how they are trained and stored."""
