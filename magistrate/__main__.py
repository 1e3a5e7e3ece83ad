"""`python -m magistrate`: the command."""

from magistrate import main

if __name__ == "__main__":
    main()
