"""`python -m tocsin`."""

from tocsin.views.cli import main

if __name__ == "__main__":
    main()
