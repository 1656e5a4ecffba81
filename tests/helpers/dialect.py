"""Words that the field does not use, and British spellings; docs/guide/glossary.md translates them.

Only what is never plain English stands here: "a look" and "random changes" are fine in themselves.
"""

import re

DIALECT = re.compile(
    r"embedded[ _](synthetic )?people|left for right|whom is meant|nothing but rounding"
    r"|\b(two|second|first|last|one) looks?\b|(person|people) (who (is|are) )?meant"
    r"|\bislands?\b|\bline convolutions?\b|convolutions? on lines?\b"
    r"|\b(light|strong|wild) changes\b|\bchanges (light|strong|wild)\b"
    r"|\bnetworks? doubts?\b|\bdoubted (people|joints|annotations)\b|\ba look can\b|\bfor room in\b"
    r"|\b(optimi|normali|initiali|synthesi|generali|recogni|organi|minimi|maximi|quanti)s(e|ing|er|a)"
    r"|colour|\bcentr(e|ing)|behaviour|neighbour|\bgrey\b|\banalys(e|ing)|\b(mod|lab)ell",
    re.IGNORECASE,
)
