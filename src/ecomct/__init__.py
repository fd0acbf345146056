"""ecomct: linked shop tables and general text in, a continually pre-trained and evaluated language model out."""

__version__ = "0.1.0"
