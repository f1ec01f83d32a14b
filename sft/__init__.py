"""Supervised fine-tuning on DRBench records. It may import `lmms_eval_drbench`, never the other way round."""
