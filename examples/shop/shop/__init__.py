"""Generator of the example shops: vocabulary in `words/`, a small grammar, and seeded dirt."""
