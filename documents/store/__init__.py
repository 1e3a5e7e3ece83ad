"""The ground floor: how records lie in the database. The only folder that knows the driver (Motor, PyMongo, Beanie)."""
