"""How much of everything the generator writes."""

PRODUCTS = 200  # a shop
WITHOUT_ROWS = 4  # products of a shop with a title and nothing else
CROWDED = 2  # products of a shop with very many reviews
CROWD = (95, 115)
REVIEWS = (3, 17)  # of any other product
QUESTIONS = (4, 9)
ARTICLES = 90  # a shop
GENERAL = {"zh": 980, "en": 1400}
TASK_ROWS = 120
INSTRUCTIONS = 60  # of each instruction set
