"""Reinforcement learning from execution: trainer, engines of answers, proof that they have the trained weights."""
