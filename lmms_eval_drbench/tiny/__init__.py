"""A tiny model of the real Qwen2.5-VL class, so that the whole loop runs on a CPU, offline, in minutes."""
