"""One module a stage: what determines it (`stage`), how it is made (`work`), what a person sees (`table`)."""
