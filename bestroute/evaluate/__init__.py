"""What a policy gives and costs on records, beside what a sceptic would set against it."""
