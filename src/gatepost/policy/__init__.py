"""What we accept: pure functions of facts that return a refusal or None; time is an argument."""
