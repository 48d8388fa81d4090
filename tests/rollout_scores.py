"""Log-probabilities of answers, as they were drawn and as the trainer computes them for its loss.

In: a base folder, a folder for state, settings of a short GRPO run. Out: two tensors, one number per token, and the
batch that they are of.
"""

import torch
from tiny_training import grpo

from crosspl.rl.rollouts import InPlace
from crosspl.rl.trainer import Trainer

SETTINGS = {"generations": 1, "temperature": 0.7, "prompts": 4, "learning_rate": 0.0}


def drawn_and_trained(base, tokenizer, state, monkeypatch, **told):
    """Return (drawn, trained, batch) of the first generation; prompts of different lengths, padded on the left."""
    kept, generate, batches = [], InPlace.generate, Trainer._generate_and_score_completions

    def with_scores(self, trainer, prompt_ids, finished=None):
        trainer.generation_config.return_dict_in_generate = trainer.generation_config.output_scores = True
        real = trainer.model.generate

        def keep(**told):
            output = real(**told)
            kept.extend([trainer, output.sequences, torch.stack(output.scores, 1).float().log_softmax(-1)])
            return output.sequences

        with monkeypatch.context() as patch:
            patch.setattr(trainer.model, "generate", keep)
            return generate(self, trainer, prompt_ids, finished)

    def tap(self, inputs):
        kept.append(batches(self, inputs))
        return kept[-1]

    monkeypatch.setattr(InPlace, "generate", with_scores)
    monkeypatch.setattr(Trainer, "_generate_and_score_completions", tap)
    grpo(base, tokenizer, state, **SETTINGS | told)
    trainer, sequences, scores, batch = kept[:4]
    ids, mask = (torch.cat([batch[f"prompt_{x}"], batch[f"completion_{x}"]], 1) for x in ("ids", "mask"))
    width, real = batch["completion_ids"].shape[1], batch["completion_mask"].bool()
    with torch.no_grad(), trainer.compute_loss_context_manager():
        trained, _, _ = trainer._get_per_token_logps_and_entropies(trainer.model.train(), ids, mask, width)
    drawn = scores.gather(2, sequences[:, -scores.shape[1] :, None])[..., 0]
    return drawn[:, :width][real], trained[real], batch
