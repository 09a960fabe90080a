"""bestroute: route each query to the cheapest (model, samples) that is good enough. See README.md."""
