"""What we accept: facts in, a refusal or None out; time is an argument."""
