"""Sources of scenes. Each turns its kind of data into (Scene, picture) pairs and guesses nothing."""
