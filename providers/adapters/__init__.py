"""The providers beyond this machine, each behind ``providers.interface.Provider``.

Their official libraries are the extra ``providers`` and take seconds to import, so none is
imported before it is used.
"""
