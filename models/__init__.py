"""What judges: the feature contract, the model, the policy, and how they are made."""
