"""From records to artefact folders. The only part of bestroute that needs torch (extra: train)."""
