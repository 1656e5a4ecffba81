"""Words of this project that the field does not use; docs/guide/glossary.md translates them."""

import re

DIALECT = re.compile(
    r"embedded[ _](synthetic )?people|left for right|whom is meant|nothing but rounding"
    r"|\b(two|second|first|last|one) looks?\b|(person|people) (who (is|are) )?meant"
    r"|\bislands?\b|\bline convolutions?\b|convolutions? on lines?\b",
    re.IGNORECASE,
)
