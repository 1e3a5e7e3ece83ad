"""`python -m magistrate.worker LISTENER LINE`: a worker, which the supervisor starts (`gql/worker.py`)."""

from magistrate import find_packages

if __name__ == "__main__":
    find_packages()
    from gql.worker import main

    main()
