"""Setting the dial of a policy: by the quality it may lose, by money, or by the reference's share."""
