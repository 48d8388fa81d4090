"""Checkpoints of others: model folders of transformers and adapter folders of PEFT, evaluated and never trained."""
